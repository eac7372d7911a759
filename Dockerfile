# One image for every process; compose.yaml shows which command is which.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv/requests311

# Packages before code, so that a change of code does not install them again. The lock names every
# package with its hash; nothing is resolved here.
COPY requirements.lock .
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement requirements.lock \
    && useradd --system --uid 10001 --home-dir /srv/requests311 --shell /usr/sbin/nologin requests311

COPY . .
# The folders that volumes are mounted on: a new volume takes their owner.
# Static files need settings that load, not these values; the image keeps none of them.
RUN mkdir -p var/media var/fcm var/run && chown -R requests311 var \
    && ENVIRONMENT=test DATABASE_URL=postgres://nobody@localhost/none BROKER_URL=redis://localhost \
        python manage.py collectstatic --noinput --verbosity 0

USER requests311
EXPOSE 8000
# An orderly stop is SIGTERM: /readyz fails, requests finish, then the server ends.
STOPSIGNAL SIGTERM
CMD ["python", "-m", "config.serve", "--host", "0.0.0.0", "--port", "8000"]
