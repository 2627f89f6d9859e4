"""Where events go: an EventBridge bus, an HTTP address, or nowhere."""

import asyncio
import json
from datetime import datetime
from typing import Any, Protocol

import aiohttp

from infra.local.org.outbound import Outbound


class Sink(Protocol):
    """Takes events in EventBridge's form."""

    async def send(self, event: dict[str, Any]) -> bool:
        """Deliver one event; False means that it should come again."""


class HttpSink:
    """Posts each event as JSON; an answer of the 2xx kind accepts it."""

    def __init__(self, url: str, outbound: Outbound) -> None:
        self._url = url
        self._outbound = outbound

    async def send(self, event: dict[str, Any]) -> bool:
        """Deliver one event."""
        try:
            async with self._outbound.client().post(self._url, json=event) as answer:
                return answer.status // 100 == 2
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False


class EventBridgeSink:
    """Puts each event on a bus with boto3, which is imported when the first event goes out."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self._bus = raw["busName"]
        self._options = {
            "endpoint_url": raw.get("endpointUrl"),
            "region_name": raw.get("region", "us-east-1"),
            "aws_access_key_id": raw.get("accessKeyId"),
            "aws_secret_access_key": raw.get("secretAccessKey"),
        }
        self._client: Any = None

    async def send(self, event: dict[str, Any]) -> bool:
        """Deliver one event."""
        return await asyncio.to_thread(self._put, event)

    def _put(self, event: dict[str, Any]) -> bool:
        import boto3  # noqa: PLC0415 - most runs of the org have no EventBridge
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        if self._client is None:
            self._client = boto3.client("events", **{k: v for k, v in self._options.items() if v is not None})
        entry = {
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Detail": json.dumps(event["detail"]),
            "EventBusName": self._bus,
            "Time": datetime.fromisoformat(event["time"]),
        }
        try:
            answer = self._client.put_events(Entries=[entry])
        except (BotoCoreError, ClientError):
            return False
        return not answer.get("FailedEntryCount")


def make_sink(raw: dict[str, Any] | None, outbound: Outbound) -> Sink | None:
    """Build a sink from ``{"type": "http", "url"}`` or ``{"type": "eventbridge", "busName", "endpointUrl", ...}``.

    Raises:
        ValueError: the type is unknown, or its address is missing.
    """
    if not raw:
        return None
    if raw.get("type") == "http" and raw.get("url"):
        return HttpSink(raw["url"], outbound)
    if raw.get("type") == "eventbridge" and raw.get("busName"):
        return EventBridgeSink(raw)
    raise ValueError(f"a sink is http with url, or eventbridge with busName, not {raw!r}")
