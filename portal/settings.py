"""The portal's settings. Each one that an operator can change stands in docs/operations.md."""

import os
import tempfile
from pathlib import Path

from portal import environment

BASE_DIR = Path(__file__).resolve().parent.parent

HEADROOM_DATA = Path(os.environ.get("HEADROOM_DATA") or BASE_DIR / "var").resolve()
HEADROOM_WORKER = environment.choice(os.environ, "HEADROOM_WORKER", ("inline", "off"))
HEADROOM_LEASE_S = environment.number(os.environ, "HEADROOM_LEASE_S", 30)
HEADROOM_MAX_FILE_BYTES = environment.number(os.environ, "HEADROOM_MAX_FILE_BYTES", 1 << 30)
HEADROOM_MAX_MANIFEST_BYTES = environment.number(os.environ, "HEADROOM_MAX_MANIFEST_BYTES", 8 << 20)
HEADROOM_MAX_FILES = environment.number(os.environ, "HEADROOM_MAX_FILES", 10_000)
HEADROOM_MAX_INFLATED_BYTES = environment.number(
    os.environ, "HEADROOM_MAX_INFLATED_BYTES", 16 << 30
)
HEADROOM_MAX_SAMPLES = environment.number(os.environ, "HEADROOM_MAX_SAMPLES", 50_000_000)
HEADROOM_MAX_SERIES = environment.number(os.environ, "HEADROOM_MAX_SERIES", 2_000)
# Calls that one token may make; 0 is no limit.
HEADROOM_CALLS_PER_MINUTE = environment.number(
    os.environ, "HEADROOM_CALLS_PER_MINUTE", 6_000, least=0
)
HEADROOM_UNDO_DAYS = environment.number(os.environ, "HEADROOM_UNDO_DAYS", 14)
HEADROOM_RECEIVING_DAYS = environment.number(os.environ, "HEADROOM_RECEIVING_DAYS", 7)
HEADROOM_WEBHOOK_PRIVATE = environment.flag(os.environ, "HEADROOM_WEBHOOK_PRIVATE", default=False)

DEBUG = environment.flag(os.environ, "HEADROOM_DEBUG", default=False)
SECRET_KEY = environment.secret_key(os.environ, HEADROOM_DATA)
ALLOWED_HOSTS = environment.words(os.environ, "HEADROOM_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")

# A portal that is reached under a real name is one that is reached by HTTPS.
_IS_LOCAL = set(ALLOWED_HOSTS) <= {"127.0.0.1", "localhost", "[::1]"}
_HTTPS = environment.flag(os.environ, "HEADROOM_HTTPS", default=not (DEBUG or _IS_LOCAL))

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "runs",
    "ingest",
]

MIDDLEWARE = [
    "portal.middleware.ApiErrorMiddleware",
    "portal.middleware.PageHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

HEADROOM_DATA.mkdir(parents=True, exist_ok=True)
DATABASES = {
    "default": environment.database(
        os.environ.get("DATABASE_URL", ""),
        HEADROOM_DATA,
        test_file=Path(tempfile.gettempdir()) / f"headroom-test-{os.getpid()}.sqlite3",
    )
}
# In the memory of each process: drawn parts of pages, and single figures of runs' reports.
_IN_MEMORY = "django.core.cache.backends.locmem.LocMemCache"
CACHES = {
    "default": {"BACKEND": _IN_MEMORY, "LOCATION": "parts"},
    "figures": {
        "BACKEND": _IN_MEMORY,
        "LOCATION": "figures",
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

# Static files. Without collectstatic (the demo, the tests, a small host) whitenoise serves them
# from where they lie; after it, from STATIC_ROOT, compressed and under hashed names.
STATIC_URL = "static/"
STATIC_ROOT = Path(os.environ.get("HEADROOM_STATIC") or HEADROOM_DATA / "static")
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "portal.static_files.PlotlyFinder",
]
_IS_COLLECTED = (STATIC_ROOT / "staticfiles.json").exists() and not DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if _IS_COLLECTED or environment.is_collecting()
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not _IS_COLLECTED
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

# Bodies of the API are streamed and counted by ingest; this holds for forms.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 << 20

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_HSTS_SECONDS = 30 * 24 * 3600 if _HTTPS else 0
if environment.flag(os.environ, "HEADROOM_BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        # blob: is how plotly hands out a figure as PNG.
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # Its own handlers would say everything twice.
    "loggers": {"django": {"handlers": [], "propagate": True, "level": "INFO"}},
}
