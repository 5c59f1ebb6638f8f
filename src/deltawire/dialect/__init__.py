"""All that is Deribit's: the grammar of channel names, objects, parameters and payloads."""
