"""What goes over the wire: JSON-RPC envelopes, notifications, WebSocket frames. Pure bytes and values."""
