"""Calibrations of designs and lots, and the ratios that prove a lot.

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add their tables."""
    op.create_table(
        "calibration",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("lot", sa.String(length=16), nullable=True),
        sa.Column("batch", sa.String(length=16), nullable=False),
        sa.Column("evidence", sa.String(length=20), nullable=False),
        sa.Column("date", sa.BigInteger(), nullable=False),
        sa.Column("a_e7", sa.BigInteger(), nullable=False),
        sa.Column("b_e7", sa.BigInteger(), nullable=False),
        sa.Column("c_e7", sa.BigInteger(), nullable=False),
        sa.Column("red_nm", sa.Double(), nullable=False),
        sa.Column("design", sa.String(length=64), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("station", sa.String(length=200), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["design"],
            ["calibration.sha256"],
        ),
        sa.PrimaryKeyConstraint("sha256"),
    )
    with op.batch_alter_table("calibration", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_calibration_lot"), ["lot"], unique=False)

    op.create_table(
        "r_transfer",
        sa.Column("calibration", sa.String(length=64), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("set_ratio", sa.Double(), nullable=False),
        sa.Column("read_ratio", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calibration"],
            ["calibration.sha256"],
        ),
        sa.PrimaryKeyConstraint("calibration", "number"),
    )
