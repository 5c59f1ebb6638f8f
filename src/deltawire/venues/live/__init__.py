"""What a live source decides, without any I/O: connections, budgets, subscriptions, reconnects."""
