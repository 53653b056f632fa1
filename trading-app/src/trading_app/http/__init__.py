"""The layers between the connection and the routes, and the routes that belong to no other room."""
