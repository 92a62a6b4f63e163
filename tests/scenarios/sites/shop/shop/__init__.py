"""An application factory, with extensions that import ssl and threads early."""

import pymongo
import urllib3
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

database = SQLAlchemy()
migrate = Migrate()
pool = urllib3.PoolManager()
mongo = pymongo.MongoClient("127.0.0.1", 9, connect=False, serverSelectionTimeoutMS=100)


def create_app(config_name):
    app = Flask(__name__)
    app.config["NAME"] = config_name
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///shop.db"
    app.config["DEBUG"] = config_name == "dev"
    database.init_app(app)
    migrate.init_app(app, database)

    from shop.views import views

    app.register_blueprint(views)
    return app
