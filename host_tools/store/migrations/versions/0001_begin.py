"""The first schema: serials, units, runs, labels, packages, and what the plant lacks yet.

Revision: 0001, after None
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "station_key",
        sa.Column("public", sa.String(length=64), nullable=False),
        sa.Column("station", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("public"),
    )
    op.create_table(
        "measure",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("phase", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("low", sa.Double(), nullable=True),
        sa.Column("high", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "outbox",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "package",
        sa.Column("sscc", sa.String(length=18), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("station", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sscc"),
    )
    op.create_table(
        "serial_block",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("station", sa.String(length=200), nullable=False),
        sa.Column("prefix", sa.String(length=200), nullable=False),
        sa.Column("digits", sa.SmallInteger(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("prefix", "first"),
    )
    op.create_table(
        "unit",
        sa.Column("serial", sa.String(length=16), nullable=False),
        sa.Column("mac", sa.String(length=12), nullable=False),
        sa.Column("lot", sa.String(length=16), nullable=False),
        sa.Column("revision", sa.String(length=8), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("station", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("serial"),
        sa.UniqueConstraint("mac"),
    )
    with op.batch_alter_table("unit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_unit_lot"), ["lot"], unique=False)

    op.create_table(
        "label",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("serial", sa.String(length=16), nullable=False),
        sa.Column("copy", sa.SmallInteger(), nullable=False),
        sa.Column("content", sa.String(length=200), nullable=False),
        sa.Column("station", sa.String(length=200), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["serial"],
            ["unit.serial"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("serial", "copy"),
    )
    op.create_table(
        "nesting",
        sa.Column("box", sa.String(length=18), nullable=False),
        sa.Column("carton", sa.String(length=18), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["box"],
            ["package.sscc"],
        ),
        sa.ForeignKeyConstraint(
            ["carton"],
            ["package.sscc"],
        ),
        sa.PrimaryKeyConstraint("box"),
    )
    with op.batch_alter_table("nesting", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_nesting_carton"), ["carton"], unique=False)

    op.create_table(
        "packing",
        sa.Column("serial", sa.String(length=16), nullable=False),
        sa.Column("box", sa.String(length=18), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["box"],
            ["package.sscc"],
        ),
        sa.ForeignKeyConstraint(
            ["serial"],
            ["unit.serial"],
        ),
        sa.PrimaryKeyConstraint("serial"),
    )
    with op.batch_alter_table("packing", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_packing_box"), ["box"], unique=False)

    op.create_table(
        "run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("serial", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("phase", sa.String(length=40), nullable=False),
        sa.Column("cause", sa.String(length=200), nullable=False),
        sa.Column("station", sa.String(length=200), nullable=False),
        sa.Column("slot", sa.String(length=200), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["serial"],
            ["unit.serial"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index("ix_run_serial", ["serial"], unique=False)
        batch_op.create_index("ix_run_stage_at", ["stage", "at"], unique=False)

    op.create_table(
        "shipment",
        sa.Column("sscc", sa.String(length=18), nullable=False),
        sa.Column("to", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["sscc"],
            ["package.sscc"],
        ),
        sa.PrimaryKeyConstraint("sscc"),
    )
    op.create_table(
        "label_outcome",
        sa.Column("label", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["label"],
            ["label.id"],
        ),
        sa.PrimaryKeyConstraint("label"),
    )
    op.create_table(
        "measurement",
        sa.Column("run", sa.Uuid(), nullable=False),
        sa.Column("measure", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["measure"],
            ["measure.id"],
        ),
        sa.ForeignKeyConstraint(
            ["run"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("run", "measure"),
        sqlite_with_rowid=False,
    )
