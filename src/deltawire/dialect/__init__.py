"""Everything specific to Deribit: the grammar of channel names, objects, parameters and payloads."""
