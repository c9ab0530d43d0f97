"""VBQL, VoiceBase's query language as its guides describe it: read, and answered from a recording."""
