# Two stages: compile a wheel, then install it where no compiler is.
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends g++ make \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY engine engine
COPY flight_server flight_server
COPY control control
COPY schemas schemas
COPY experimental_actor experimental_actor
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}
ARG EXTRAS=""
RUN apt-get update \
 && apt-get install --yes --no-install-recommends util-linux \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin velaria \
 && install --directory --owner=velaria --group=velaria /data /data/state /data/files
COPY --from=build /wheels /wheels
RUN wheel=$(ls /wheels/velaria-*.whl) \
 && pip install --no-cache-dir "${wheel}${EXTRAS}" \
 && rm -rf /wheels
USER velaria
WORKDIR /data
ENV PYTHONUNBUFFERED=1 VELARIA_LOG_FORMAT=json
VOLUME ["/data/state", "/data/files"]
EXPOSE 31337 31338
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["velaria", "doctor", "--server", "grpc://127.0.0.1:31337"]
# --insecure: what the container publishes is decided outside of it. Publish the ports on loopback
# only, as docker-compose.yml does, or secure the server: docs/how-to/secure-a-server.md.
ENTRYPOINT ["velaria", "serve", "--insecure", "--data-dir", "/data/state", "--allow-path", "/data/files"]
CMD ["--listen", "grpc://0.0.0.0:31337", "--side", "0.0.0.0:31338"]
