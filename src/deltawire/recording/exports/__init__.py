"""What other programs read: Tardis CSV, hftbacktest's npz, Databento's DBN, CSV in Databento's names."""
