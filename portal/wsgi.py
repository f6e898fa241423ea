"""The WSGI entry: the portal, and the worker that lives in its process by default."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = get_wsgi_application()

# Models can be imported only after the applications are set up.
# The addresses too: else the first request would load them, beyond what is frozen below.
import portal.urls  # noqa: E402, F401
from ingest import worker  # noqa: E402

worker.start_inline()

# What is loaded by now stays until the process ends. Left among what the collector looks through,
# it would hold up one request in some hundred for a tenth of a second.
gc.collect()
gc.freeze()
