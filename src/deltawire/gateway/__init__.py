"""The asyncio shell: WebSocket connections and the HTTP API on one port."""
