"""The bus over NATS JetStream; needs `deltawire[nats]`."""
