"""What stands between the socket and the routers, in pure ASGI, one file each; `main.py` has the order."""
