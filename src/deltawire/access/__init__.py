"""Keys, scopes, signatures, tokens, and delays after failed logins. Pure: time and randomness are passed in."""
