# `sensorium serve` without root, on a file system that it cannot write to:
#
#     docker build --tag sensorium .
#     docker run --read-only --tmpfs /tmp --publish 127.0.0.1:8000:8000 \
#         --volume "$PWD/runs/emoji:/models/emoji:ro" sensorium /models/emoji
#
# The folder of a run or a bundle is mounted; nothing of it is in the image.

FROM python:3.12-slim AS build
# The wheels of PyTorch for processors alone: the usual ones bring gigabytes for GPUs.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN python -m venv /opt/sensorium
ENV PATH=/opt/sensorium/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN pip install --index-url "$TORCH_INDEX" "torch>=2.9,<2.14"
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip install ".[serve,export]"

FROM python:3.12-slim
COPY --from=build /opt/sensorium /opt/sensorium
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin sensorium
ENV PATH=/opt/sensorium/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
ENTRYPOINT ["sensorium", "serve", "--host", "0.0.0.0", "--port", "8000"]
CMD ["/models/model"]
