# syntax=docker/dockerfile:1

# Stage 1: the programs. They are built on the builder's own platform for the one
# that is asked for (docker buildx build --platform linux/amd64,linux/arm64 .). The
# Graph SDK's models make the first build take minutes and about 5 GiB of memory;
# where that is too much, build with --build-arg GOGC=25, which takes longer and
# stays below 4 GiB.
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=""
ARG GOGC=100
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Without cgo, and yet linked to glibc: libcrypto is opened at run time.
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} GOGC=${GOGC} \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /out/ ./cmd/presencebridge ./cmd/acdadapter \
 && mkdir -p /out/data

# Stage 2: the reference adapter (--target acdadapter).
FROM gcr.io/distroless/base-debian12:nonroot AS acdadapter
COPY --from=build /out/acdadapter /usr/bin/acdadapter
USER 65532:65532
ENTRYPOINT ["/usr/bin/acdadapter"]
CMD ["run", "--rules", "/etc/acdadapter/rules.yaml"]

# Stage 3: the service. The base has glibc, OpenSSL 3 (libcrypto does the private-key
# operation twice as fast), the public trust roots and nothing to log in with. The
# root may be read-only: only the data directory is written.
FROM gcr.io/distroless/base-debian12:nonroot AS presencebridge
COPY --from=build /out/presencebridge /usr/bin/presencebridge
COPY --from=build --chown=65532:65532 --chmod=0700 /out/data /var/lib/presencebridge
USER 65532:65532
VOLUME /var/lib/presencebridge
# The public side. The operators' side listens inside the container only, unless
# listen.admin and its token say otherwise.
EXPOSE 8443
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/bin/presencebridge", "health"]
ENTRYPOINT ["/usr/bin/presencebridge"]
CMD ["serve", "--config", "/etc/presencebridge/presencebridge.yaml"]
