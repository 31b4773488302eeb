//! Faults of the network: what was not sent stays out of doubt, what may have been sent is in doubt, and no request
//! lasts longer than its deadline.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use crate::hostile::Server;
use crate::script::{Deed, Reply, Script, Step, applied, refusal, step};
use crate::world::{APPLY, Ran, Running, World, leads, number, side_by_side};

/// Two attempts at the first row meet this; what the row then says.
fn settle(cases: Vec<(&str, Vec<Step>, &str)>) {
    side_by_side(cases, |(case, steps, verdict)| {
        let world = World::new(2, Script::default().on("PATCH", "lead_0", steps));
        // The second row goes over the same connection, where there still is one.
        let ran = world.run(&format!(
            "{APPLY} --max-attempts 2 --timeout 2s --concurrency 1"
        ));
        let results = world.judge();
        assert_eq!(results[0].verdict(), verdict, "{case}\n{ran}");
        assert_eq!(results[1].verdict(), "updated//", "{case}\n{ran}");
    });
}

/// Against another address than the world's server.
fn run_at(world: &World, url: &str, options: &str) -> Ran {
    let mut command = world.command(&format!("{APPLY} {options}"));
    command.env("DIALNEXA_BASE_URL", url);
    Running::start(command).end()
}

#[track_caller]
fn settles_no_row(world: &World, ran: &Ran) {
    ran.complains(75, &["cannot be reached", "same command again"]);
    assert_eq!(world.judge_so_far().len(), 0);
}

#[test]
fn a_name_that_does_not_resolve_settles_no_row() {
    let world = World::new(2, Script::default());
    let ran = run_at(
        &world,
        "https://leadfix.invalid/v1",
        "--max-attempts 1 --timeout 8s",
    );
    settles_no_row(&world, &ran);
}

#[test]
fn a_refused_connection_settles_no_row() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let world = World::new(2, Script::default());
    let ran = run_at(&world, &url, "--max-attempts 1");
    settles_no_row(&world, &ran);
    assert!(
        !ran.says("region_assumed"),
        "of a row and not of the network: {ran}"
    );
}

#[test]
fn a_connection_that_is_never_made_ends_before_the_request_does() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = listener.local_addr().expect("an address");
    // Nobody accepts, so that the queue fills up and the next connection hangs.
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queue.push(stream);
        assert!(queue.len() < 10_000, "the queue has no end");
    }
    let world = World::new(2, Script::default());
    let ran = run_at(
        &world,
        &format!("http://{address}"),
        "--max-attempts 1 --timeout 3s",
    );
    // Had the total deadline struck, the rows would be in doubt and not unreachable.
    settles_no_row(&world, &ran);
}

#[test]
fn a_timeout_before_applying_is_in_doubt() {
    settle(vec![
        (
            "twice",
            vec![step(Reply::Hang), step(Reply::Hang)],
            "failed/outcome_unknown/",
        ),
        ("once", vec![step(Reply::Hang)], "updated//"),
    ]);
}

#[test]
fn a_timeout_after_applying_is_found_out() {
    settle(vec![
        (
            "twice",
            vec![applied(Reply::Hang), applied(Reply::Hang)],
            "updated/confirmed_by_read/",
        ),
        (
            "then dialled",
            vec![applied(Reply::Hang).first(Deed::Dial)],
            "updated/confirmed_after_conflict/",
        ),
        (
            "applied when nobody waits any longer",
            vec![step(Reply::Hang).then(Deed::Apply)],
            "updated//",
        ),
    ]);
}

#[test]
fn a_reset_before_applying_is_in_doubt() {
    for reply in [Reply::Reset, Reply::Close] {
        settle(vec![
            (
                "twice",
                vec![step(reply.clone()), step(reply.clone())],
                "failed/outcome_unknown/",
            ),
            ("once", vec![step(reply)], "updated//"),
        ]);
    }
}

#[test]
fn a_reset_after_applying_is_found_out() {
    for reply in [Reply::Reset, Reply::Close] {
        settle(vec![
            (
                "twice",
                vec![applied(reply.clone()), applied(reply.clone())],
                "updated/confirmed_by_read/",
            ),
            (
                "then dialled",
                vec![applied(reply).then(Deed::Dial)],
                "updated/confirmed_after_conflict/",
            ),
        ]);
    }
}

#[test]
fn an_idle_connection_that_is_closed_under_a_request_costs_nothing() {
    let everybody = Script::default().everybody("PATCH", applied(Reply::ResetUnderNext));
    let world = World::new(6, everybody);
    world.run(&format!("{APPLY} --concurrency 1")).expect(0);
    world.judge();
    let ledger = world.server.ledger();
    assert_eq!(
        ledger.count("PATCH"),
        6,
        "a request that was read was sent again"
    );
    assert!(ledger.connections >= 6, "no connection was closed");
}

#[test]
fn a_body_that_is_cut_proves_nothing() {
    settle(vec![
        (
            "applied",
            vec![applied(Reply::Cut), applied(Reply::Cut)],
            "updated/confirmed_by_read/",
        ),
        (
            "not applied",
            vec![step(Reply::Cut), step(Reply::Cut)],
            "failed/outcome_unknown/",
        ),
    ]);
}

#[test]
fn a_byte_a_second_does_not_outlast_the_deadline() {
    let drip = || Reply::Drip(Duration::from_secs(1));
    settle(vec![
        (
            "applied",
            vec![applied(drip()), applied(drip())],
            "updated/confirmed_by_read/",
        ),
        (
            "not applied",
            vec![step(drip()), step(drip())],
            "failed/outcome_unknown/",
        ),
    ]);
}

#[test]
fn a_reply_that_comes_byte_by_byte_is_read_whole() {
    let drip = Reply::Drip(Duration::from_millis(1));
    settle(vec![("applied", vec![applied(drip)], "updated//")]);
}

#[test]
fn a_late_reply_is_taken_for_nobody_elses() {
    let world = World::new(
        3,
        Script::default().on("PATCH", "lead_0", [step(Reply::OnCue)]),
    );
    let run = world.start(&format!("{APPLY} --concurrency 1 --timeout 2s"));
    world.server.wait_for("a second try", |ledger| {
        ledger.of("PATCH", "lead_0").len() == 2
    });
    world.server.cue();
    run.end().expect(0);
    world.judge();
    let ledger = world.server.ledger();
    let late = ledger.of("PATCH", "lead_0")[0].connection;
    let reused = ledger
        .receipts
        .iter()
        .filter(|receipt| receipt.connection == late);
    assert_eq!(
        reused
            .skip_while(|receipt| receipt.lead != "lead_0")
            .count(),
        1,
        "the connection was used again while a reply was under way"
    );
}

#[test]
fn a_second_reply_on_a_kept_alive_connection_is_taken_for_nobodys() {
    // Behind the first reply, the proof that the next row waits for; or, when that row's request is under way already,
    // the first reply once more.
    for (pause, lead, index) in [(0, "lead_1", 1), (300, "lead_0", 0)] {
        let stray = format!("+91{}", number(index));
        let twice = Reply::Twice(lead, stray, Duration::from_millis(pause));
        let script = Script::default()
            .on("PATCH", "lead_0", [step(twice)])
            .always("PATCH", "lead_1", step(refusal(500)));
        let world = World::new(3, script);
        world
            .run(&format!(
                "{APPLY} --concurrency 1 --max-attempts 2 --rate 4/s"
            ))
            .expect(1);
        let results = world.judge();
        assert_eq!(results[1].verdict(), "failed/outcome_unknown/", "{pause}");
    }
}

#[test]
fn a_laptop_that_was_suspended_goes_on() {
    for applies in [false, true] {
        let reply = step(Reply::OnCue);
        let reply = if applies {
            reply.first(Deed::Apply)
        } else {
            reply
        };
        let world = World::new(3, Script::default().on("PATCH", "lead_0", [reply]));
        let mut run = world.start(&format!("{APPLY} --concurrency 1 --timeout 1s"));
        world
            .server
            .wait_for("a request", |ledger| !ledger.receipts.is_empty());
        run.signal("STOP");
        // The one thing that must pass here is time: more of it than the request had.
        std::thread::sleep(Duration::from_millis(1_500));
        world.server.cue();
        run.signal("CONT");
        run.end().expect(0);
        assert!(
            world
                .judge()
                .iter()
                .all(|row| row.verdict().starts_with("updated/"))
        );
    }
}

/// A private authority, in PEM, and a server's certificate from it for this name.
fn authority(name: &str) -> (String, ServerConfig) {
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().expect("a key");
    let root = authority.self_signed(&authority_key).expect("an authority");
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(vec![name.to_owned()])
        .and_then(|parameters| parameters.signed_by(&key, &issuer))
        .expect("a certificate");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a configuration");
    (root.pem(), config)
}

/// A server behind TLS, with its certificate for `name`; the authority lies in `authority.pem`.
fn behind_tls(name: &str) -> (World, String) {
    let (root, config) = authority(name);
    let leads = leads(2);
    let server = Server::start_tls(leads.iter().map(String::as_str), config);
    let url = format!("https://127.0.0.1:{}", server.port());
    let world = World::around(server, 2);
    world.write("authority.pem", root);
    (world, url)
}

#[track_caller]
fn is_not_trusted(world: &World, ran: &Ran) {
    ran.complains(78, &["certificate", "not trusted", "--ca-file"]);
    assert_eq!(
        world.server.ledger().receipts.len(),
        0,
        "something was sent"
    );
    assert_eq!(world.judge_so_far().len(), 0);
}

#[test]
fn a_certificate_that_nobody_vouches_for_stops_the_run() {
    let (world, url) = behind_tls("127.0.0.1");
    is_not_trusted(&world, &run_at(&world, &url, ""));
    let (other, _) = authority("127.0.0.1");
    world.write("other.pem", other);
    is_not_trusted(&world, &run_at(&world, &url, "--ca-file other.pem"));
}

#[test]
fn a_certificate_for_another_name_stops_the_run() {
    let (world, url) = behind_tls("api.example");
    is_not_trusted(&world, &run_at(&world, &url, "--ca-file authority.pem"));
}

#[test]
fn a_private_authority_is_trusted_once_it_is_named() {
    let (world, url) = behind_tls("127.0.0.1");
    run_at(&world, &url, "--ca-file authority.pem").expect(0);
    world.judge();
}

#[test]
fn verification_has_no_off_switch() {
    let (world, url) = behind_tls("127.0.0.1");
    for option in [
        "--insecure",
        "-k",
        "--no-verify",
        "--no-check-certificate",
        "--danger-accept-invalid-certs",
    ] {
        run_at(&world, &url, option).expect(2);
    }
    let mut command = world.command(APPLY);
    command.env("DIALNEXA_BASE_URL", &url);
    for (name, value) in [
        ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
        ("PYTHONHTTPSVERIFY", "0"),
        ("CURL_INSECURE", "1"),
        ("LEADFIX_INSECURE", "1"),
    ] {
        command.env(name, value);
    }
    is_not_trusted(&world, &Running::start(command).end());
    world.write("leadfix.toml", "insecure = true\n");
    run_at(&world, &url, "").complains(78, &["insecure"]);
}
