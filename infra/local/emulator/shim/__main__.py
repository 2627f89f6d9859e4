"""Start ministack with what the literal `chalice deploy` and FIFO event sources need.

Run by the emulator's own environment: `emulator-venv/bin/python infra/local/emulator/shim`. The changes touch private
functions of ministack, whose version is therefore pinned in `infra/local/emulator-requirements.txt`.
"""

import code_cache
import event_buses
import event_sources
import forks
import rest_apis
import workers
from ministack import app
from ministack.services import lambda_svc

code_cache.install()
event_buses.install()
rest_apis.install()
event_sources.install()
workers.install()
forks.install()
# AWS takes its time to make a function active; chalice would poll for it, once a second.
lambda_svc._LAMBDA_STATE_TRANSITION_DELAY = 0.0
app.main()
