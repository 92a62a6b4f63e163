//! Every message of the corpus in two pieces, cut at every place: nobody may tell where.

mod support;

use support::{corpus, transcript};

/// Longer messages differ from short ones only in repetition; cutting them everywhere takes too long.
const CUT_EVERYWHERE: usize = 2000;

#[test]
fn two_pieces_mean_the_same_as_one() {
    let mut messages = 0;
    for folder in ["http1/good", "http1/bad"] {
        for (path, input) in corpus(folder, "http") {
            if input.len() > CUT_EVERYWHERE {
                continue;
            }
            messages += 1;
            let whole = transcript(&input, []);
            for cut in 0..=input.len() {
                let pieces = transcript(&input, [cut]);
                assert_eq!(whole.text, pieces.text, "{} at {cut}", path.display());
            }
        }
    }
    assert!(messages > 300);
}

#[test]
fn messages_in_one_stream_do_not_disturb_each_other() {
    let good = corpus("http1/good", "http");
    let bad = corpus("http1/bad", "http");
    for (first_path, first) in &good {
        let alone = transcript(first, []);
        if alone.text.matches("keep-alive\n").count() < alone.requests {
            continue;
        }
        for (path, second) in good.iter().chain(&bad) {
            // Behind a request one empty line is allowed, and that was tried in `corpus`.
            let expected = alone.text.clone() + &transcript(second, []).text;
            let both = [first.as_slice(), second].concat();
            let found = transcript(&both, [first.len() / 2]);
            assert_eq!(
                found.text,
                expected,
                "{} then {}",
                first_path.display(),
                path.display()
            );
        }
    }
}
