"""Who may do what: keys, scopes, signatures, tokens, and what guessing costs. Pure: time and chance come in."""
