"""Settings of a project that has nothing but urls."""

ROOT_URLCONF = "tests.frameworks.with_django"
MIDDLEWARE = ["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"]
ALLOWED_HOSTS = ["127.0.0.1"]
LOGGING_CONFIG = None
