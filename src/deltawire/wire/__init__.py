"""The wire formats: JSON-RPC envelopes, notifications, WebSocket frames. Pure bytes and values."""
