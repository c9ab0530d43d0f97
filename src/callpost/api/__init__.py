"""The VoiceBase v3 API over HTTP."""
