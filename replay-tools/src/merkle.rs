//! Merkle trees after RFC 6962 (section 2.1): roots and audit paths of a growing list, in memory
//! that grows with the logarithm of its length.
//!
//! A leaf is `sha256(0x00 || data)`, a node `sha256(0x01 || left || right)`; the tree of nothing is
//! `sha256("")`. The two first bytes keep a node from being passed off as a leaf.

use sha2::{Digest as _, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The hash of a leaf.
pub fn leaf(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// A tree whose leaves come one by one. It keeps the roots of its complete subtrees only.
#[derive(Clone, Debug, Default)]
pub struct MerkleTree {
    /// Complete subtrees from left to right, each lower than the one before it.
    subtrees: Vec<Subtree>,
    leaves: u64,
    /// The leaf whose audit path is gathered.
    watched: Option<u64>,
    path: Vec<Hash>,
}

#[derive(Clone, Copy, Debug)]
struct Subtree {
    height: u8,
    hash: Hash,
    is_watched: bool,
}

impl MerkleTree {
    /// A tree that gathers the audit path of one leaf, counted from 0, while it grows.
    pub fn watching(leaf: u64) -> Self {
        Self { watched: Some(leaf), ..Self::default() }
    }

    /// How many leaves there are.
    pub const fn leaves(&self) -> u64 {
        self.leaves
    }

    /// Adds a leaf at the right.
    pub fn push(&mut self, data: &[u8]) {
        let is_watched = self.watched == Some(self.leaves);
        let mut subtree = Subtree { height: 0, hash: leaf(data), is_watched };
        while let Some(left) = self.subtrees.pop_if(|left| left.height == subtree.height) {
            subtree = join(left, subtree, &mut self.path);
        }
        self.subtrees.push(subtree);
        self.leaves += 1;
    }

    /// The root, and the audit path of the watched leaf from the bottom up (empty without one).
    pub fn finish(mut self) -> (Hash, Vec<Hash>) {
        let Some(mut right) = self.subtrees.pop() else {
            return (Sha256::digest([]).into(), self.path);
        };
        while let Some(left) = self.subtrees.pop() {
            right = join(left, right, &mut self.path);
        }
        (right.hash, self.path)
    }
}

/// Joining upwards meets the siblings of the watched leaf in the order of its audit path.
fn join(left: Subtree, right: Subtree, path: &mut Vec<Hash>) -> Subtree {
    if left.is_watched {
        path.push(right.hash);
    } else if right.is_watched {
        path.push(left.hash);
    }
    Subtree {
        height: left.height + 1,
        hash: node(&left.hash, &right.hash),
        is_watched: left.is_watched || right.is_watched,
    }
}

/// The root that an audit path leads to from a leaf's hash, its index from 0 and the number of
/// leaves (RFC 9162, section 2.1.3.2); none if a path of this length leads nowhere.
pub fn root_of(leaf: Hash, index: u64, leaves: u64, path: &[Hash]) -> Option<Hash> {
    let (mut from, mut last) = (index, leaves.checked_sub(1)?);
    if last < from {
        return None;
    }
    let mut hash = leaf;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if from & 1 == 1 || from == last {
            hash = node(sibling, &hash);
            // A last node without a sibling rises until it has one at its left.
            while from & 1 == 0 && from != 0 {
                (from, last) = (from >> 1, last >> 1);
            }
        } else {
            hash = node(&hash, sibling);
        }
        (from, last) = (from >> 1, last >> 1);
    }
    (last == 0).then_some(hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The leaves of the reference tests of Certificate Transparency.
    const LEAVES: [&str; 8] = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    /// The roots over the first 1, 2 … 8 of them.
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn leaves(count: usize) -> Vec<Vec<u8>> {
        LEAVES[..count].iter().map(|text| hex::decode(text).expect("a test vector")).collect()
    }

    fn tree(mut tree: MerkleTree, leaves: &[Vec<u8>]) -> (Hash, Vec<Hash>) {
        for leaf in leaves {
            tree.push(leaf);
        }
        tree.finish()
    }

    /// The definition of the RFC, word for word: MTH(D[n]).
    fn root(leaves: &[Vec<u8>]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [only] => leaf(only),
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node(&root(left), &root(right))
            }
        }
    }

    #[test]
    fn the_tree_of_nothing_is_the_hash_of_nothing() {
        let expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex::encode(MerkleTree::default().finish().0), expected);
    }

    #[test]
    fn the_roots_are_those_of_the_reference_implementation() {
        for (count, expected) in (1..).zip(ROOTS) {
            let (root, _path) = tree(MerkleTree::default(), &leaves(count));
            assert_eq!(hex::encode(root), expected, "{count} leaves");
        }
    }

    #[expect(clippy::many_single_char_names, reason = "the names that the RFC gives the nodes")]
    #[test]
    fn the_audit_paths_are_those_of_the_example_in_the_rfc() {
        let data = leaves(7);
        let [a, b, c, d, e, f, j] = std::array::from_fn(|number| leaf(&data[number]));
        let (g, h, i) = (node(&a, &b), node(&c, &d), node(&e, &f));
        let (k, l) = (node(&g, &h), node(&i, &j));
        for (index, path) in
            [(0, vec![b, h, l]), (3, vec![c, g, l]), (4, vec![f, j, k]), (6, vec![i, k])]
        {
            let (root, found) = tree(MerkleTree::watching(index), &data);
            assert_eq!((root, found), (node(&k, &l), path), "leaf {index}");
        }
    }

    #[test]
    fn no_path_leads_from_a_leaf_that_is_not_there() {
        assert_eq!(root_of([7; 32], 0, 0, &[]), None);
        assert_eq!(root_of([7; 32], 3, 3, &[[1; 32], [2; 32]]), None);
        assert_eq!(root_of([7; 32], u64::MAX, u64::MAX, &[[1; 32]; 3]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_leaf_has_an_audit_path_and_no_byte_of_it_can_change(
            count in 1_u64..=70, byte in 0_usize..32, bit in 0_u32..8,
        ) {
            let data: Vec<Vec<u8>> = (0..count).map(|number| number.to_be_bytes().into()).collect();
            let root = root(&data);
            for (index, datum) in (0..count).zip(&data) {
                let (found, path) = tree(MerkleTree::watching(index), &data);
                prop_assert_eq!(found, root);
                let leaf = leaf(datum);
                prop_assert_eq!(root_of(leaf, index, count, &path), Some(root));
                for step in 0..path.len() {
                    let mut bent = path.clone();
                    bent[step][byte] ^= 1 << bit;
                    prop_assert_ne!(root_of(leaf, index, count, &bent), Some(root));
                }
                let mut bent = leaf;
                bent[byte] ^= 1 << bit;
                prop_assert_ne!(root_of(bent, index, count, &path), Some(root));
                for other in (0..=count).filter(|other| *other != index) {
                    prop_assert_ne!(root_of(leaf, other, count, &path), Some(root));
                }
                let longer = [path.as_slice(), &[root]].concat();
                prop_assert_ne!(root_of(leaf, index, count, &longer), Some(root));
                if let Some((_top, shorter)) = path.split_last() {
                    prop_assert_ne!(root_of(leaf, index, count, shorter), Some(root));
                }
            }
        }
    }
}
