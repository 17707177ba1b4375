"""What judges a station: studies of its gauges, golden and known-bad units.

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "gauge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("measure", sa.BigInteger(), nullable=False),
        sa.Column("station", sa.String(length=200), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("slot", sa.String(length=200), nullable=False),
        sa.Column("units", sa.SmallInteger(), nullable=False),
        sa.Column("workers", sa.SmallInteger(), nullable=False),
        sa.Column("repeats", sa.SmallInteger(), nullable=False),
        sa.Column("repeatability", sa.Double(), nullable=False),
        sa.Column("reproducibility", sa.Double(), nullable=False),
        sa.Column("interaction", sa.Double(), nullable=False),
        sa.Column("unit_variance", sa.Double(), nullable=False),
        sa.Column("grr_pct", sa.Double(), nullable=True),
        sa.Column("tolerance_pct", sa.Double(), nullable=True),
        sa.Column("ndc", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["measure"], ["measure.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("gauge", schema=None) as batch_op:
        batch_op.create_index("ix_gauge_station_at", ["station", "at"], unique=False)

    op.create_table(
        "reference_unit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("serial", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("phase", sa.String(length=40), nullable=False),
        sa.Column("station", sa.String(length=200), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["serial"], ["unit.serial"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "certified",
        sa.Column("reference", sa.Uuid(), nullable=False),
        sa.Column("phase", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("tolerance", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["reference"], ["reference_unit.id"]),
        sa.PrimaryKeyConstraint("reference", "phase", "name"),
    )
