"""A factory that is not there: units with faults, and the jig that they are tested in."""
