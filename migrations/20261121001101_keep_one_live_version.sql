-- A read model has one live version per tenant. A new version of a projector is made beside it and takes
-- its place in one transaction; until then the rows and the checkpoint are the old version's, and only
-- programs that know the old version move them.
CREATE UNIQUE INDEX checkpoints_one_version ON ops.checkpoints (tenant_id, projector);

COMMENT ON COLUMN ops.checkpoints.version IS 'The version of the projector whose rows are live.';

ALTER TABLE ops.rebuilds ADD COLUMN replaced_version int;

COMMENT ON COLUMN ops.rebuilds.replaced_version IS 'The version of the rows in read_before; absent while the rebuild is under way.';

-- The last rebuild that was done is the one that can be taken back, whatever its version.
CREATE UNIQUE INDEX rebuilds_one_done ON ops.rebuilds (tenant_id, projector) WHERE swapped_at IS NOT NULL;
