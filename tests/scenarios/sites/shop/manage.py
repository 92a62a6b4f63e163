"""For Flask's command line: `flask --app manage db upgrade`."""

from shop import create_app

app = create_app("dev")
