"""The bus over NATS JetStream; needs the extra `nats`."""
