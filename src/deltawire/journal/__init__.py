"""The journal under the exchange: group commit, frames, recovery, inspection."""
