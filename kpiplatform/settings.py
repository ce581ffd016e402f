"""Settings of the installation. Every one comes from the environment; README.md has the table."""

from __future__ import annotations

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP

from kpiplatform.env import (
    Environment,
    base_url_from,
    broker_from,
    credential_key_of,
    credential_keys_from,
    database_from,
    mailer_from,
    redis_from,
)

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()

# --- what kind of installation ------------------------------------------------------------
KPI_ENV = env.text("KPI_ENV", "production")
if KPI_ENV not in {"production", "demo", "test"}:
    raise ImproperlyConfigured(f"KPI_ENV={KPI_ENV!r} is unknown: production, demo or test.")
PRODUCTION = KPI_ENV == "production"
DEMO = KPI_ENV == "demo"
DEBUG = env.flag("KPI_DEBUG")

DEFAULT_SECRET = "only-for-the-demo-and-the-tests-never-in-production"
SECRET_KEY = env.text("SECRET_KEY", "" if PRODUCTION else DEFAULT_SECRET)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "" if PRODUCTION else "localhost,127.0.0.1,[::1]")
PORT = env.whole("PORT", 8000, least=1, most=65535)
BASE_URL = base_url_from(env.text("BASE_URL", f"http://localhost:{PORT}"))
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", BASE_URL if BASE_URL.startswith("https://") else "")
if PRODUCTION:
    if SECRET_KEY in {"", DEFAULT_SECRET} or len(SECRET_KEY) < 32:
        raise ImproperlyConfigured("SECRET_KEY must be set to a secret of at least 32 characters in production.")
    if DEBUG:
        raise ImproperlyConfigured("KPI_DEBUG=1 is refused in production: it shows internals to visitors.")
    if not ALLOWED_HOSTS or "*" in ALLOWED_HOSTS:
        raise ImproperlyConfigured("ALLOWED_HOSTS must name the host names of this installation, without *.")

# --- where things are ---------------------------------------------------------------------
KPI_HOME = Path(env.text("KPI_HOME", str(BASE_DIR / ".data"))).expanduser()
KPI_SOURCES_DIR = Path(env.text("KPI_SOURCES_DIR", str(KPI_HOME / "sources"))).expanduser()
KPI_MAILBOX_DIR = env.text("KPI_MAILBOX_DIR")  # only the demo sets it: its mailbox page reads from there

DATABASES = {"default": database_from(env.text("DATABASE_URL", "postgresql://kpi@localhost/kpi"))}
if database_password := env.text("DATABASE_PASSWORD"):  # apart from the address, so that it can come from a file
    DATABASES["default"]["PASSWORD"] = database_password
DATABASES["default"]["CONN_MAX_AGE"] = env.whole("DATABASE_CONN_MAX_AGE", 600, least=0, most=86400)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = redis_from(env.text("REDIS_URL", "redis://localhost:6379/0"))

# --- sources ------------------------------------------------------------------------------
# The first key encrypts credentials, all of them decrypt. Production has none until somebody makes one.
KPI_CREDENTIAL_KEYS = credential_keys_from(
    env.words("KPI_CREDENTIAL_KEYS", "" if PRODUCTION else credential_key_of(SECRET_KEY))
)
# Hosts and networks of one's own that sources may reach beside the public internet.
KPI_EGRESS_ALLOW = env.words("KPI_EGRESS_ALLOW")
# What one fetch of a source may cost.
KPI_SOURCE_MAX_ROWS = env.whole("KPI_SOURCE_MAX_ROWS", 20_000_000, least=1000, most=10**9)
KPI_SOURCE_MAX_MB = env.whole("KPI_SOURCE_MAX_MB", 2048, least=1, most=10**6)
KPI_SOURCE_MAX_SECONDS = env.whole("KPI_SOURCE_MAX_SECONDS", 300, least=1, most=500)
KPI_SOURCE_MEMORY_MB = env.whole("KPI_SOURCE_MEMORY_MB", 512, least=128, most=10**6)
KPI_UPLOAD_MAX_MB = env.whole("KPI_UPLOAD_MAX_MB", 100, least=1, most=10**4)

# --- applications -------------------------------------------------------------------------
INSTALLED_APPS = [
    "kpiplatform",
    "kpiplatform.audit",
    "kpiplatform.accounts",
    "objectives",
    "kpis",
    "initiatives",
    "reviews",
    "alerts",
    "kpiplatform.dashboards",
    "kpiplatform.api",
    "allauth",
    "allauth.account",
    "django_htmx",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "kpiplatform.kept.SignedInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "kpiplatform.htmx.ClientRedirectMiddleware",
    "kpiplatform.middleware.ActorMiddleware",
    "kpiplatform.middleware.TimeZoneMiddleware",
    "kpiplatform.middleware.NulMiddleware",
]
ROOT_URLCONF = "kpiplatform.urls"
WSGI_APPLICATION = "kpiplatform.wsgi.application"
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
                "kpiplatform.dashboards.context.chrome",
            ]
        },
    }
]

FORM_RENDERER = "kpiplatform.widgets.Renderer"

# Counted by all processes together: attempts to sign in. Not for figures, which are always read.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "shared_cache"}}

# --- people -------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "kpiplatform.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
# The passwords of tests protect nothing, and a slow hash is a tenth of what the tests cost.
if KPI_ENV == "test":
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- language and time --------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

# --- static files -------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(KPI_HOME / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION or DEMO
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
# The tests serve static files from the finders, looked up when asked for: they need no collectstatic, and thousands
# of test clients don't list all files first.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = KPI_ENV == "test"

# --- mail ---------------------------------------------------------------------------------
MAILERS = {"default": mailer_from(env.text("SMTP_URL", "smtp://localhost:25"))}
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "KPI platform <kpi@localhost>")

# --- jobs ---------------------------------------------------------------------------------
CELERY_BROKER_URL = broker_from(REDIS_URL)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # A task that a dead worker held comes back: after 15 minutes at the latest, looked for every few seconds.
    "visibility_timeout": 900,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_SOFT_TIME_LIMIT = 570
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 0}  # the bell may fail: the row stays, a sweep follows
CELERY_TASK_ROUTES = {
    "kpis.tasks.pull_source": {"queue": "pull"},
    "kpis.tasks.evaluate_kpis": {"queue": "evaluate"},
    "alerts.tasks.*": {"queue": "deliver"},
    "kpiplatform.dashboards.tasks.send_invitations": {"queue": "deliver"},
}
CELERY_TASK_DEFAULT_QUEUE = "evaluate"
TICK_SECONDS = env.whole("KPI_TICK_SECONDS", 60, least=1, most=300)
# A tick that no worker took in time is dropped: the next one asks the same question.
CELERY_BEAT_SCHEDULE = {
    name: {"task": task, "schedule": TICK_SECONDS, "options": {"expires": max(TICK_SECONDS, 10)}}
    for name, task in {
        "tick": "kpis.tasks.tick",
        "derive": "kpis.tasks.derive",
        "sweep-evaluations": "kpis.tasks.sweep_evaluations",
        "sweep-deliveries": "alerts.tasks.sweep_deliveries",
        "send-invitations": "kpiplatform.dashboards.tasks.send_invitations",
    }.items()
}

# --- security -----------------------------------------------------------------------------
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    # Plotly adds one empty <style> element: the hash is that of the empty string.
    "style-src": [CSP.SELF, "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"],
    "img-src": [CSP.SELF, "data:", "blob:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-src": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
}
X_FRAME_OPTIONS = "DENY"
HTTPS = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
CSRF_FAILURE_VIEW = "kpiplatform.kept.csrf_failure"
CSRF_COOKIE_HTTPONLY = False  # session.js takes the present token from it, for forms opened before signing in again
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000  # a grid of 150 KPIs over 7 periods, saved as one form
API_REQUESTS_PER_MINUTE = env.whole("KPI_API_REQUESTS_PER_MINUTE", 300, least=1, most=100_000)
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_REFERRER_POLICY = "same-origin"
BEHIND_PROXY = env.flag("KPI_BEHIND_PROXY")
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ALLAUTH_TRUSTED_PROXY_COUNT = 1
    SECURE_SSL_REDIRECT = HTTPS
    SECURE_REDIRECT_EXEMPT = [r"^healthz$"]  # asked from inside, where nothing is encrypted
# Sub-domains and browser preload lists are the decision of whoever owns the domain.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

# --- logs ---------------------------------------------------------------------------------
LOG_LEVEL = env.text("LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
    raise ImproperlyConfigured(f"LOG_LEVEL={LOG_LEVEL!r} is unknown: DEBUG, INFO, WARNING or ERROR.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
}

SETTING_NAMES = frozenset(env.asked)  # checks.py warns of names that are misspelled
