"""Tests of the embedded servers, the proxy, `./run` and the demo."""
