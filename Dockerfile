# syntax=docker/dockerfile:1

# Stage 1: a static binary, which does without OpenSSL ("rsa by go" in its log). The Graph SDK's models make the first build take
# minutes and about 5 GiB of memory; where that is too much, build with
#   docker build --build-arg GOGC=25 .
# which takes longer and stays below 4 GiB.
FROM golang:1.26-bookworm AS build
ARG VERSION=""
ARG GOGC=100
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 GOGC=${GOGC} go build -tags static -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/presencebridge ./cmd/presencebridge \
 && mkdir -p /out/data

# Stage 2: nothing but the binary, the public trust roots and a data directory
# that the unprivileged user owns.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/presencebridge /presencebridge
COPY --from=build --chown=65532:65532 --chmod=0700 /out/data /var/lib/presencebridge
USER 65532:65532
VOLUME /var/lib/presencebridge
# The public side. The operators' side listens inside the container only, unless
# listen.admin and its token say otherwise.
EXPOSE 8443
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["/presencebridge", "health"]
ENTRYPOINT ["/presencebridge"]
CMD ["serve", "--config", "/etc/presencebridge/presencebridge.yaml"]
