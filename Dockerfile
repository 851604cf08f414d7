# syntax=docker/dockerfile:1
# The digests are of the multi-platform indexes; `docker buildx imagetools inspect NAME:TAG` shows
# that of a newer image. Both stages need the same Python, as the environment is copied.
FROM python:3.13.14-slim-bookworm@sha256:67a1e1f215ccda113cfc024e8639049257e88f273898f595b61476d128d387e8 AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements.txt requirements-build.txt ./
RUN python -m venv /app \
 && /app/bin/pip install --require-hashes -r requirements.txt \
 && python -m venv /build \
 && /build/bin/pip install --require-hashes -r requirements-build.txt
COPY pyproject.toml README.md ./
COPY domain domain
COPY application application
COPY infrastructure infrastructure
COPY projections projections
COPY interfaces interfaces
# Nothing is downloaded here: an isolated build would fetch the newest build backend.
RUN /build/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels . \
 && /app/bin/pip install --no-deps --no-index /wheels/*.whl

FROM python:3.13.14-slim-bookworm@sha256:67a1e1f215ccda113cfc024e8639049257e88f273898f595b61476d128d387e8
# The embedded database needs an account with a name.
RUN groupadd --gid 10001 easeboard \
 && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin easeboard \
 && install --directory --owner=10001 --group=10001 /seals
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 EASEBOARD_HOME=/tmp/easeboard
USER 10001:10001
EXPOSE 8000 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-m", "interfaces.http.server.container_health"]
ENTRYPOINT ["easeboard"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
