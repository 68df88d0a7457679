-- One call appends a batch: several appends of several tenants, each over several streams, each
-- accepted or refused on its own. README.md of this folder has the proof obligations.
--
-- Arrays, all numbered from 1:
--   t_tenant                      the tenants of the batch, each once
--   a_tenant, a_key, a_request_hash, a_result       per append: index into t_tenant, command or NULL
--   s_append, s_type, s_id, s_expected, s_event, s_first    per stream of an append, written or
--                                 only read, in the order of the appends: index of the append,
--                                 expected sequence (NULL: any, 0: no stream), id that the last event
--                                 must have (NULL: any), index of the first mention of the same
--                                 stream of the same tenant
--   e_stream, e_id, e_type, e_version, e_payload, e_metadata   per event, in the order of the appends:
--                                 index into s_*
-- The appends are judged one after another, as if each had come alone: one may rest on what an
-- earlier one of the batch writes. The caller promises: a command key is there once per tenant.
--
-- Answer: one row per append with append_no and outcome ('appended', 'repeated', 'key_reused',
-- 'unknown_tenant', 'frozen', 'conflict'); stored_result of a frozen one is where the tenant was moved to;
-- and for each conflicting stream its newer events, or one row without event.
CREATE FUNCTION log.append_batch(
    t_tenant uuid[],
    a_tenant int[], a_key text[], a_request_hash bytea[], a_result text[],
    s_append int[], s_type text[], s_id text[], s_expected bigint[], s_event uuid[], s_first int[],
    e_stream int[], e_id uuid[], e_type text[], e_version text[], e_payload text[], e_metadata text[]
) RETURNS TABLE (
    append_no int, outcome text, last_position bigint, stored_result text,
    stream_no int, stream_sequence bigint,
    event_position bigint, event_sequence bigint, event_id uuid, event_type text, event_version text,
    payload text, metadata text, recorded_at timestamptz, hash bytea
)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog
-- Plans are made once per session, maybe while the tables are still empty: index scans whatever the
-- statistics say (planning anew on every call costs more than running it).
SET plan_cache_mode = force_generic_plan
SET jit = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    v_row      record;
    v_tenant   int;
    v_stream   int;  -- the first mention of a stream
    v_own      int;  -- the mention by its append
    v_next_s   int := 1;
    v_next_e   int := 1;
    v_text     text;
    v_hash     bytea;
    v_now      timestamptz;
    -- per tenant
    t_position bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(t_tenant)]);
    t_start    bigint[];
    t_hash     bytea[] := array_fill(NULL::bytea, ARRAY[cardinality(t_tenant)]);
    t_time     timestamptz[] := array_fill(NULL::timestamptz, ARRAY[cardinality(t_tenant)]);
    t_micros   bigint[];
    t_frozen   boolean[] := array_fill(false, ARRAY[cardinality(t_tenant)]);
    t_moved    text[] := array_fill(NULL::text, ARRAY[cardinality(t_tenant)]);
    -- per append
    a_outcome  text[] := array_fill('appended'::text, ARRAY[cardinality(a_tenant)]);
    a_position bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(a_tenant)]);
    a_stored   text[] := array_fill(NULL::text, ARRAY[cardinality(a_tenant)]);
    a_refused  boolean := false;
    -- per stream
    s_head     bigint[];  -- where its append found it
    s_next     bigint[];  -- at the first mention: where it stands by now
    s_last     uuid[] := array_fill(NULL::uuid, ARRAY[cardinality(s_append)]);
    s_moved    boolean[] := array_fill(false, ARRAY[cardinality(s_append)]);
    -- per event
    e_position bigint[] := '{}';
    e_sequence bigint[] := '{}';
    e_hash     bytea[] := '{}';
BEGIN
    -- A later statement must see what was committed while an earlier one waited for a lock.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'log.append_batch needs READ COMMITTED' USING ERRCODE = 'active_sql_transaction';
    END IF;

    -- 1. The heads, locked in one order: no deadlocks, and no one else moves these tenants until commit.
    FOR v_row IN
        SELECT t.no::int AS no, h.position, h.hash, h.recorded_at, h.frozen_at, h.moved_to
          FROM unnest(t_tenant) WITH ORDINALITY AS t (tenant_id, no)
          JOIN log.tenant_head AS h ON h.tenant_id = t.tenant_id
         ORDER BY h.tenant_id
           FOR UPDATE OF h
    LOOP
        t_position[v_row.no] := v_row.position;
        t_hash[v_row.no] := v_row.hash;
        t_time[v_row.no] := v_row.recorded_at;
        IF v_row.frozen_at IS NOT NULL THEN
            t_frozen[v_row.no] := true;
            t_moved[v_row.no] := v_row.moved_to;
        END IF;
    END LOOP;
    t_start := t_position;
    v_now := clock_timestamp();
    FOR i IN 1..cardinality(t_tenant) LOOP
        t_time[i] := greatest(v_now, t_time[i]);
        t_micros[i] := (extract(epoch FROM t_time[i]) * 1000000)::bigint;
    END LOOP;

    -- 2. What the locked tenants hold: a new statement, hence a new snapshot.
    s_next := ARRAY(
        SELECT CASE WHEN s.first = s.no THEN coalesce((
                   SELECT ev.sequence FROM log.events AS ev
                    WHERE ev.tenant_id = t_tenant[a_tenant[s.append]]
                      AND ev.aggregate_type = s.type AND ev.aggregate_id = s.id
                    ORDER BY ev.sequence DESC LIMIT 1), 0) END
          FROM unnest(s_append, s_type, s_id, s_first) WITH ORDINALITY AS s (append, type, id, first, no)
         ORDER BY s.no);
    s_head := s_next;
    -- The first answer of a command wins over everything that became of its streams since.
    FOR v_row IN
        SELECT a.no::int AS no, c.request_hash = a.request_hash AS same, c.position, c.result::text AS result
          FROM unnest(a_tenant, a_key, a_request_hash) WITH ORDINALITY AS a (tenant, key, request_hash, no)
          JOIN log.commands AS c ON c.tenant_id = t_tenant[a.tenant] AND c.key = a.key
    LOOP
        a_refused := true;
        IF v_row.same THEN
            a_outcome[v_row.no] := 'repeated';
            a_position[v_row.no] := v_row.position;
            a_stored[v_row.no] := v_row.result;
        ELSE
            a_outcome[v_row.no] := 'key_reused';
        END IF;
    END LOOP;

    -- 3. One append after another: its expectations, then its positions, sequences and hashes.
    FOR i IN 1..cardinality(a_tenant) LOOP
        v_tenant := a_tenant[i];
        IF t_position[v_tenant] IS NULL THEN
            a_outcome[i] := 'unknown_tenant';
            a_refused := true;
        ELSIF t_frozen[v_tenant] AND (a_outcome[i] = 'appended' OR t_moved[v_tenant] IS NOT NULL) THEN
            a_outcome[i] := 'frozen';
            a_stored[i] := t_moved[v_tenant];
        END IF;
        WHILE s_append[v_next_s] = i LOOP
            v_stream := s_first[v_next_s];
            s_head[v_next_s] := s_next[v_stream];
            IF s_event[v_next_s] IS NOT NULL AND s_last[v_stream] IS NULL THEN
                s_last[v_stream] := (
                    SELECT ev.event_id FROM log.events AS ev
                     WHERE ev.tenant_id = t_tenant[v_tenant]
                       AND ev.aggregate_type = s_type[v_stream] AND ev.aggregate_id = s_id[v_stream]
                       AND ev.sequence = s_next[v_stream]);
            END IF;
            IF s_next[v_stream] <> s_expected[v_next_s]
                OR (s_event[v_next_s] IS NOT NULL AND s_last[v_stream] IS DISTINCT FROM s_event[v_next_s])
            THEN
                s_moved[v_next_s] := true;
                a_refused := true;
                IF a_outcome[i] = 'appended' THEN
                    a_outcome[i] := 'conflict';
                END IF;
            END IF;
            v_next_s := v_next_s + 1;
        END LOOP;
        WHILE s_append[e_stream[v_next_e]] = i LOOP
            IF a_outcome[i] <> 'appended' THEN
                e_position := array_append(e_position, NULL);
                e_sequence := array_append(e_sequence, NULL);
                e_hash := array_append(e_hash, NULL);
            ELSE
                v_own := e_stream[v_next_e];
                v_stream := s_first[v_own];
                t_position[v_tenant] := t_position[v_tenant] + 1;
                s_next[v_stream] := s_next[v_stream] + 1;
                s_last[v_stream] := e_id[v_next_e];
                v_text := log.canonical(
                    t_tenant[v_tenant], t_position[v_tenant], s_type[v_own], s_id[v_own],
                    s_next[v_stream], e_id[v_next_e], e_type[v_next_e], e_version[v_next_e],
                    e_payload[v_next_e], e_metadata[v_next_e], t_micros[v_tenant]);
                v_hash := sha256(t_hash[v_tenant] || convert_to(v_text, 'UTF8'));
                t_hash[v_tenant] := v_hash;
                e_position := array_append(e_position, t_position[v_tenant]);
                e_sequence := array_append(e_sequence, s_next[v_stream]);
                e_hash := array_append(e_hash, v_hash);
            END IF;
            v_next_e := v_next_e + 1;
        END LOOP;
        IF a_outcome[i] = 'appended' THEN
            -- An append without events rests on what was there before it.
            a_position[i] := t_position[v_tenant];
        END IF;
    END LOOP;

    -- 4. Write.
    INSERT INTO log.events (
        tenant_id, position, aggregate_type, aggregate_id, sequence,
        event_id, event_type, event_version, payload, metadata, recorded_at, hash)
    SELECT t_tenant[a_tenant[s_append[e.stream]]], e.position, s_type[e.stream], s_id[e.stream], e.sequence,
           e.id, e.type, e.version, e.payload::json, e.metadata::json,
           t_time[a_tenant[s_append[e.stream]]], e.hash
      FROM unnest(e_stream, e_position, e_sequence, e_id, e_type, e_version, e_payload, e_metadata, e_hash)
           AS e (stream, position, sequence, id, type, version, payload, metadata, hash)
     WHERE e.position IS NOT NULL;
    INSERT INTO log.commands (tenant_id, key, request_hash, result, position, recorded_at)
    SELECT t_tenant[a.tenant], a.key, a.request_hash, a.result::json, a.position, t_time[a.tenant]
      FROM unnest(a_tenant, a_key, a_request_hash, a_result, a_position, a_outcome)
           AS a (tenant, key, request_hash, result, position, outcome)
     WHERE a.outcome = 'appended' AND a.key IS NOT NULL;
    UPDATE log.tenant_head AS h
       SET position = t.position, hash = t.hash, recorded_at = t.time
      FROM unnest(t_tenant, t_start, t_position, t_hash, t_time) AS t (tenant_id, start, position, hash, time)
     WHERE h.tenant_id = t.tenant_id AND t.position > t.start;

    -- 5. Answer.
    RETURN QUERY
    SELECT a.no::int, a.outcome, a.position, a.stored, NULL::int, NULL::bigint,
           NULL::bigint, NULL::bigint, NULL::uuid, NULL::text, NULL::text,
           NULL::text, NULL::text, NULL::timestamptz, NULL::bytea
      FROM unnest(a_outcome, a_position, a_stored) WITH ORDINALITY AS a (outcome, position, stored, no);
    IF a_refused THEN
        RETURN QUERY
        SELECT s.append, 'conflict'::text, NULL::bigint, NULL::text, s.no::int, s.head,
               ev.position, ev.sequence, ev.event_id, ev.event_type, ev.event_version,
               ev.payload::text, ev.metadata::text, ev.recorded_at, ev.hash
          FROM unnest(s_append, s_type, s_id, s_expected, s_head, s_moved) WITH ORDINALITY
               AS s (append, type, id, expected, head, moved, no)
          LEFT JOIN log.events AS ev
            ON ev.tenant_id = t_tenant[a_tenant[s.append]]
           AND ev.aggregate_type = s.type AND ev.aggregate_id = s.id AND ev.sequence > s.expected
           -- What came after its append was judged is for the next attempt to find.
           AND ev.sequence <= s.head
         WHERE a_outcome[s.append] = 'conflict' AND s.moved
         ORDER BY s.no, ev.sequence;
    END IF;
END $$;
