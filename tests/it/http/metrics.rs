//! What Prometheus reads.

use serde_json::json;

use super::{TestApp, minutes};

/// The value of a series of `appointments`.
fn value<'t>(text: &'t str, name: &str) -> &'t str {
    let begins = format!("{name}{{projector=\"appointments\"");
    let line = text.lines().find(|line| line.starts_with(&begins)).expect(name);
    line.rsplit(' ').next().unwrap()
}

fn count(text: &str, name: &str) -> u64 {
    value(text, name).parse().unwrap()
}

#[tokio::test]
async fn metrics_tell_how_far_read_models_are_behind_and_what_was_done() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    app.app.runner.settle().await.unwrap();
    let settled = app.send("", ("GET", "/api/metrics"), &[], None).await.text;
    assert_eq!(count(&settled, "daybook_projection_lag_events"), 0);
    let done = count(&settled, "daybook_projection_events_total");
    let busy: f64 = value(&settled, "daybook_projection_busy_seconds_total").parse().unwrap();
    assert!(0 < done && 0.0 < busy, "{settled}");

    salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let same = app.send("", ("GET", "/api/metrics"), &[], None).await.text;
    assert_eq!(count(&same, "daybook_projection_lag_events"), 0, "it is counted once a second");
    app.later(1);
    let behind = app.send("", ("GET", "/api/metrics"), &[], None).await.text;
    let lag = count(&behind, "daybook_projection_lag_events");
    assert!(0 < lag && count(&behind, "daybook_projection_lag_tenants") == 1, "{behind}");
    app.app.runner.settle().await.unwrap();
    app.later(1);
    let caught_up = app.send("", ("GET", "/api/metrics"), &[], None).await.text;
    assert_eq!(count(&caught_up, "daybook_projection_lag_events"), 0);
    assert_eq!(count(&caught_up, "daybook_projection_events_total"), done + lag);
    // Prometheus wants to see where it ends, and nobody sees whose events they are.
    assert!(caught_up.ends_with("# EOF\n") && !caught_up.contains("tenant="), "{caught_up}");
}

#[tokio::test]
async fn bounds_of_lists_are_those_of_the_document() {
    let app = TestApp::new().await;
    for (path, parameter) in [
        ("/api/v2/receipts?status=199", "status"),
        ("/api/v2/reports/modifications?min_count=2147483648", "min_count"),
    ] {
        let refused = app.get(path).await.expect(400);
        assert_eq!(refused["errors"][0]["parameter"], json!(parameter), "{refused}");
    }
}
