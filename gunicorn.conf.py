"""What gunicorn reads by itself where it is started in this folder."""

from portal.unreadable import refuse_as_json

post_worker_init = refuse_as_json
