//! Finding a customer by what somebody types.

use serde_json::{Value, json};

use super::{TestApp, minutes};

const NAMES: [&str; 11] = [
    "Özlem Yilmaz",
    "Änne Groß",
    "Übel Anna",
    "Émile Zola",
    "Иван Петров",
    "Ångström Lars",
    "Şahin Ali",
    "Max Muster",
    "østergaard per",
    "jürgen Klein",
    "Annabel Müller-Lüdenscheidt",
];

/// A company with customers of these names, each with a number and an address.
async fn filled(app: &TestApp) -> String {
    let salon = app.salon(minutes(60)).await;
    for (no, name) in (10..).zip(NAMES) {
        let body = json!({ "company_id": salon.company, "name": name,
            "phone": format!("0171 23456{no}"), "email": format!("max.person{no}@example.com") });
        app.made("customers", body).await;
    }
    app.app.runner.settle().await.unwrap();
    salon.company
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"))
}

async fn found(app: &TestApp, query: &str) -> Vec<String> {
    let body = app.get(&format!("/api/v2/customers?{query}")).await.expect(200);
    assert_eq!(body["next"], Value::Null);
    let items = body["items"].as_array().unwrap();
    items.iter().map(|it| it["name"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_name_of_any_script_is_found_whatever_the_case() {
    let app = TestApp::new().await;
    let company = filled(&app).await;
    for name in NAMES {
        for text in [name, &name.to_lowercase(), &name.to_uppercase()] {
            for field in ["name", "q"] {
                let query = format!("company_id={company}&{field}={}", encoded(text));
                assert_eq!(found(&app, &query).await, [name], "{field}={text}");
            }
        }
    }
}

#[tokio::test]
async fn what_somebody_types_finds_words_numbers_and_addresses_the_best_first() {
    let app = TestApp::new().await;
    let company = filled(&app).await;
    for (text, names) in [
        ("ozlem", ["Özlem Yilmaz"].as_slice()),
        ("yil", &["Özlem Yilmaz"]),
        ("yilmaz oz", &["Özlem Yilmaz"]),
        ("oezlem", &["Özlem Yilmaz"]),
        ("ostergaard", &["østergaard per"]),
        ("mueller", &["Annabel Müller-Lüdenscheidt"]),
        ("ludensch", &["Annabel Müller-Lüdenscheidt"]),
        ("груша", &[]),
        ("anna", &["Übel Anna", "Annabel Müller-Lüdenscheidt"]),
        ("ivan", &[]),
        ("0171 2345610", &["Özlem Yilmaz"]),
        ("+49 (0)171 2345610", &["Özlem Yilmaz"]),
        ("2345610", &["Özlem Yilmaz"]),
        ("5610", &["Özlem Yilmaz"]),
        ("max.person11@example.com", &["Änne Groß"]),
        ("person11", &["Änne Groß"]),
        ("zola 5613", &["Émile Zola"]),
        ("zola 5612", &[]),
        ("!?", &[]),
    ] {
        for scope in [String::new(), format!("&company_id={company}")] {
            assert_eq!(found(&app, &format!("q={}{scope}", encoded(text))).await, names, "{text}");
        }
    }
    // Names come before addresses.
    let all = found(&app, "q=max&limit=100").await;
    assert_eq!((all[0].as_str(), all.len()), ("Max", NAMES.len() + 1));
    assert_eq!(all[1], "Max Muster");
    assert_eq!(found(&app, "q=max&limit=2").await, ["Max", "Max Muster"]);
    let other = "00000000-0000-4000-8000-000000000001";
    assert!(found(&app, &format!("q=max&company_id={other}")).await.is_empty());
    assert_eq!(found(&app, "name=zola&email=MAX.person13@example.com").await, ["Émile Zola"]);
    assert!(found(&app, "name=zola&email=max.person13@example.co").await.is_empty());
}

#[tokio::test]
async fn a_search_follows_changes_and_erasures() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let path = format!("/api/v2/customers/{}", salon.customer);
    app.put(&path, json!({ "name": "Zoë Zimt", "phone": "0151 87654321" })).await.expect(200);
    app.app.runner.settle().await.unwrap();
    assert!(found(&app, "q=max").await.is_empty() && found(&app, "q=12345678").await.is_empty());
    assert_eq!(found(&app, "q=zoe%20zi").await, ["Zoë Zimt"]);
    assert_eq!(found(&app, "q=8765%204321").await, ["Zoë Zimt"]);
    app.post(&format!("{path}/erase"), json!({})).await.expect(200);
    app.app.runner.settle().await.unwrap();
    assert!(found(&app, "q=zoe&erasure=any").await.is_empty());
    let words: i64 = sqlx::query_scalar("SELECT count(*) FROM read.customer_words")
        .fetch_one(&sqlx::PgPool::connect_with(app.database.options.clone()).await.unwrap())
        .await
        .unwrap();
    assert_eq!(words, 0);
}

#[tokio::test]
async fn a_search_that_cannot_be_answered_says_what_to_change() {
    let app = TestApp::new().await;
    app.salon(minutes(60)).await;
    for (query, field) in [("phone=171", "phone"), ("q=max&after=IjEi", "after")] {
        let refused = app.get(&format!("/api/v2/customers?{query}")).await;
        assert!(refused.status.is_client_error(), "{query}: {}", refused.body);
        assert_eq!(refused.body["errors"][0]["field"], field, "{}", refused.body);
    }
}
