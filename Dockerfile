# nlsr on the CPU, without root:
#   docker build -t nlsr .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/pictures" nlsr upscale photo.jpg --scale 2
#   docker run --rm -p 8000:8000 -e NLSR_TOKEN nlsr serve --host 0.0.0.0
FROM python:3.11-slim AS build
WORKDIR /source
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY constraints.txt ./
RUN python3 -m venv /opt/nlsr
RUN /opt/nlsr/bin/pip install --no-cache-dir --constraint constraints.txt --extra-index-url "$TORCH_INDEX" torch
COPY pyproject.toml README.md LICENSE ./
COPY weights weights
COPY nlsr_cli nlsr_cli
RUN PIP_CONSTRAINT=constraints.txt /opt/nlsr/bin/pip install --no-cache-dir ".[heic,deep,serve]"

FROM python:3.11-slim
COPY --from=build /opt/nlsr /opt/nlsr
# What is downloaded from the Hub stays in HF_HOME: mount a volume there to keep it.
ENV PATH=/opt/nlsr/bin:$PATH HOME=/tmp HF_HOME=/models
RUN install --directory --mode 1777 /models /pictures
USER 1000:1000
WORKDIR /pictures
EXPOSE 8000
ENTRYPOINT ["nlsr"]
CMD ["--help"]
