"""Take a stage away: the functions and what is around them; the ledger only where that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.deployment import alarms, build, cloudformation, events, stacks
from infra.deployment.errors import DeploymentError
from infra.deployment.target import ROOT, Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.deployment.progress import Progress

KEY_DAYS = 30
"""How long the key can still be called back (AWS KMS API Reference, ScheduleKeyDeletion)."""


def destroy(
    find: Callable[[], Target], progress: Progress, *, delete_ledger: bool = False, ask: Callable[[str], str] = input
) -> None:
    """Take a stage away; what is gone already is left out.

    Args:
        find: Reads the stage and signs in to the account.
        progress: Where the steps are told.
        delete_ledger: Whether ledger, secrets and queues go, too.
        ask: Puts a question to the user; asked before anything is done where the ledger is to go.

    Raises:
        DeploymentError: The user did not agree, or a step was not done; the steps before it are.
    """
    with progress.during("Check") as details:
        target = find()
        target.read_outputs()
        details.extend([f"account {target.account.id}", target.account.region])
    name = target.stage.name
    question = f"Type {name} to delete its ledger, history, issues and secrets for good: "
    if delete_ledger and ask(question).strip() != name:
        raise DeploymentError(f"that was not {name}: nothing was done")
    client = target.account.client("cloudformation")
    with progress.during(f"Stack {events.stack_name(target.stage)} deleted"):
        cloudformation.delete(client, events.stack_name(target.stage))
    with progress.during("chalice delete", log=target.chalice.log) as details:
        if not delete_functions(target):
            details.append("nothing was deployed")
    for stack in (alarms.stack_name(target.stage), stacks.functions_name(target.stage)):
        with progress.during(f"Stack {stack} deleted"):
            cloudformation.delete(client, stack)
    if not delete_ledger:
        _tell_what_stays(target)
        return
    with progress.during("Ledger, secrets and key deleted") as details:
        delete_kept(target)
        details.append(f"the key in {KEY_DAYS} days")
    with progress.during(f"Stack {target.stage.stack} deleted"):
        cloudformation.delete(client, target.stage.stack)


def delete_functions(target: Target) -> bool:
    """Delete the functions and what starts them; whether there were any.

    Raises:
        DeployError: chalice failed.
    """
    build.build(ROOT, target.chalice.build, target.stage, target.outputs)
    if target.record.restore() is None:
        return False
    target.chalice.delete()
    target.record.forget()
    return True


def delete_kept(target: Target) -> None:
    """Delete what outlives the stack, before the stack, whose outputs name it."""
    outputs, account = target.outputs, target.account
    dynamodb, table = account.client("dynamodb"), outputs["LedgerTable"]
    if _found(dynamodb.update_table, dynamodb, TableName=table, DeletionProtectionEnabled=False):
        dynamodb.get_waiter("table_exists").wait(TableName=table)
        dynamodb.delete_table(TableName=table)
        dynamodb.get_waiter("table_not_exists").wait(TableName=table)
    secrets = account.client("secretsmanager")
    for name in ("Database", "Salesforce", "Webhook", "Console"):
        # At once: a secret that waits for its deletion would keep its name from the next deployment.
        _found(secrets.delete_secret, secrets, SecretId=outputs[f"{name}SecretArn"], ForceDeleteWithoutRecovery=True)
    kms = account.client("kms")
    try:
        kms.schedule_key_deletion(KeyId=outputs["KeyArn"], PendingWindowInDays=KEY_DAYS)
    except (kms.exceptions.NotFoundException, kms.exceptions.KMSInvalidStateException):
        return  # it is gone, or waits for its deletion since an earlier run


def _found(call: Callable[..., object], client: Any, **arguments: object) -> bool:
    """Make a call about something that may be gone already; whether it was there."""
    try:
        call(**arguments)
    except client.exceptions.ResourceNotFoundException:
        return False
    return True


def _tell_what_stays(target: Target) -> None:
    name, out = target.stage.name, target.progress.out
    stack = target.stage.stack
    target.progress.say(f"The functions of {name} are gone; ledger, secrets, key and queues stay, in {stack}")
    print(f"  Again:     make deploy STAGE={name} takes them up; the API then has another address", file=out)
    print(f"  For good:  make destroy STAGE={name} DELETE_LEDGER=yes", file=out)
    print("  Postgres:  captured changes go on into the outbox until python manage.py uninstall", file=out)
