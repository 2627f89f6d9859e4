"""Users edit both sides while processes die and connections end: `python -m tests.bench.chaos --minutes 5`.

Exit code 1 with the differences where something does not hold; see :mod:`tests.bench.soak.check` and
:mod:`tests.bench.chaos.pairing`.
"""

import argparse
import sys
import time

from tests.bench.chaos.faults import Faults
from tests.bench.chaos.pairing import Contacts, unpaired
from tests.bench.chaos.users import Users
from tests.bench.records import pairs
from tests.bench.soak.check import check
from tests.bench.soak.edits import draw
from tests.bench.soak.ending import on_the_way, progress, tell, wait
from tests.bench.soak.observe import Observer
from tests.bench.stack import GONE, Stack, StackDown, circumstances

RETRY = {"outboundRetrySeconds": 1.0, "outboundRetryCapSeconds": 8.0}  # what failed meanwhile comes before the end
DEFAULTS = {"outboundRetrySeconds": 10.0, "outboundRetryCapSeconds": 7200.0}


def main(arguments: list[str]) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--records", type=int, default=300)
    parser.add_argument("--rate", type=float, default=15.0, help="edits a second, of both sides together")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    try:
        return _chaos(Stack.running(), options)
    except StackDown as error:
        print(f"chaos: {error}", file=sys.stderr)
    except GONE as error:
        print(f"\nchaos: the stack went away: {type(error).__name__}", file=sys.stderr)
    return 1


def _chaos(stack: Stack, options: argparse.Namespace) -> int:
    print(f"{circumstances()}, seed {options.seed}")
    found = pairs(stack, options.records, "Soak")
    stack.org.call("POST", "__org__/settings", RETRY)
    run = f"{time.time_ns() // 10**6 % 36**4:x}"
    observer = Observer(stack, found)
    observer.level()
    seconds = options.minutes * 60
    edits = draw(options.seed, int(options.rate * seconds), options.records, seconds, run)
    users, faults = Users(stack, found, edits, seconds, run), Faults(stack, options.seed)
    began = time.monotonic()
    with users.working() as tasks:
        while not all(task.done() for task in tasks):
            if time.monotonic() - began < seconds:
                faults.strike()
            struck = sum(faults.done.values())
            text = f"{time.monotonic() - began:5.0f} s  {len(users.written)} fields edited  {struck} faults"
            progress(text)
            time.sleep(0.2)
    faults.end()
    print(f"\n{len(edits)} edits in {time.monotonic() - began:.0f} s, {users.refused} of them refused;")
    print(f"{users.unanswered} of {len(users.written)} fields without an answer; {len(users.made)} contacts created")
    for name, count in faults.done.items():
        print(f"  {count:6}  {name}")
    waited = wait(stack, observer)
    stack.org.call("POST", "__org__/settings", DEFAULTS)
    result = check(users.written, observer.seen(), on_the_way(stack, observer))
    result.differences.extend(unpaired(_contacts(stack), users.made))
    return tell(result, waited)


def _contacts(stack: Stack) -> Contacts:
    with stack.app() as app:
        rows = app.execute("SELECT email, sfid FROM public.contact").fetchall()
    found = stack.org.contacts(["Email", "Twinledger_Key__c"])
    return Contacts(rows, [(one["Email"], sfid, one["Twinledger_Key__c"]) for sfid, one in found.items()])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
