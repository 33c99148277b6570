# One image, a role a command: `docker run telemetry consumer`. It was not built where it was written (no engine there).
FROM python:3.11-slim AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE requirements.image.lock ./
COPY src ./src
RUN python -m venv /opt/telemetry \
 && /opt/telemetry/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.image.lock \
 && /opt/telemetry/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps .

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
