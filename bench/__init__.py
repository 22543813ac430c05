"""Load and latency of the whole way, and the stand-in for Twilio it needs."""
