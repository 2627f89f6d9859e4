"""Partner events: the simulated org puts them on a bus, as Salesforce's Event Relay does by a partner's rights.

And a function that an event starts is invoked as AWS does it: what fails is tried again, and comes to its destination.
"""

import json

from ministack.services import eventbridge, lambda_svc

_PARTNER = "aws.partner/"


def install():
    """Let PutEvents take sources of partners, which EventBridge takes by PutPartnerEvents only."""
    put = eventbridge._put_events

    def put_events(data, allow_aws_source=False):
        entries = data.get("Entries", [])
        partner = bool(entries) and all(str(entry.get("Source")).startswith(_PARTNER) for entry in entries)
        return put(data, allow_aws_source=allow_aws_source or partner)

    eventbridge._put_events = put_events
    eventbridge._dispatch_to_lambda = _invoke


def _invoke(arn, payload):
    function, config, name = lambda_svc._get_func_record_for_ref(arn)
    if function and config:
        record = lambda_svc._execution_record_for_config(function, config)
        lambda_svc.invoke_async_with_retry(record, json.loads(payload))
    else:
        eventbridge.logger.warning("EventBridge: there is no function %s", name)
