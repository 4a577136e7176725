"""The composition root of the service. It puts the parts together and contains no rules.

`application.create` makes the application, `server.serve` runs it in this process, `running` finds those that run.
Import these modules and not this package: some load the web frameworks, which takes more than a second.
"""
