# One image, a role a command: `docker run telemetry consumer`. It was not built where it was written (no engine there).
FROM python:3.11-slim AS build
WORKDIR /build
COPY requirements.build.lock requirements.image.lock ./
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.build.lock \
 && python -m venv /opt/telemetry \
 && /opt/telemetry/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.image.lock
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN /opt/build/bin/hatchling build -t wheel \
 && /opt/telemetry/bin/pip install --no-index --no-cache-dir --disable-pip-version-check --no-deps dist/*.whl

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/telemetry telemetry
COPY --from=build /opt/telemetry /opt/telemetry
ENV PATH=/opt/telemetry/bin:$PATH PYTHONUNBUFFERED=1 LOG_FORMAT=json DATA_DIR=/var/lib/telemetry/data
WORKDIR /var/lib/telemetry
USER 10001
VOLUME /var/lib/telemetry
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["telemetry"]
CMD ["--help"]
