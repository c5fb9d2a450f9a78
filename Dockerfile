# docker build --target lockstep .   the product: one static binary and its data directory
# docker build --target testenv .    the simulated SaaS accounts, for trying it out
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/ ./cmd/... \
 && mkdir -p /out/data

FROM scratch AS base
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/share/zoneinfo /usr/share/zoneinfo
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
VOLUME /data

FROM base AS testenv
COPY --from=build /out/testenv /testenv
EXPOSE 8025
ENTRYPOINT ["/testenv"]
CMD ["up", "--dir", "/data", "--hubspot", "--hubspot-listen", "0.0.0.0:8025"]

FROM base AS lockstep
COPY --from=build /out/lockstep /lockstep
EXPOSE 8080
ENTRYPOINT ["/lockstep"]
CMD ["run", "--config", "/etc/lockstep/lockstep.yml", "--data", "/data"]
