# syntax=docker/dockerfile:1
# parley in a container: the wheels are resolved and checked against requirements.lock in the first stage, so the second
# holds Python, the installed packages and nothing that could build.

FROM python:3.12-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /app
COPY requirements.lock ./
RUN /app/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY migrations ./migrations
COPY examples/front_desk ./examples/front_desk
COPY src ./src
RUN /app/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /app/bin/pip uninstall --yes pip

FROM python:3.12-slim-bookworm
# A fixed number, so that a mounted folder can be given to it: chown 10001 data
RUN useradd --uid 10001 --user-group --create-home --home-dir /data --shell /usr/sbin/nologin parley
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PARLEY_HOST=0.0.0.0 \
    PARLEY_PORT=8080 \
    PARLEY_DATA_DIR=/data
USER parley
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PARLEY_PORT\"]}/healthz', timeout=2)"]
# SIGTERM begins draining: live calls go on, new ones are refused. Whoever stops the container has to wait for them
# (docker stop --time, stop_grace_period, terminationGracePeriodSeconds), longer than PARLEY_DRAIN_TIMEOUT_S.
STOPSIGNAL SIGTERM
CMD ["parley", "serve"]
