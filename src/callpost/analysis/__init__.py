"""From a transcript to the other sections: pure functions."""
